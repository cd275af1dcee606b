export { keyName, readCertificates, type Certificate } from './certificate.js';
export { checkPair, isServable, PASSPHRASE, type Checked, type CheckOptions, type Fault } from './check.js';
export { findPairs, FOLDERS, hasOwnPair, lookedFor, type PairFiles } from './find.js';
export { isEncrypted, keyBlock, readKey } from './key.js';
export { makeCertificate, type Made, type Wanted } from './make.js';
export { checkService, loadServed, TLS, type Served, type ServeOptions } from './served.js';
export { watchCertificates, type CertificateEvents, type Certificates } from './watched.js';

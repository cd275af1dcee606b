export { openLogFile, type LogFile } from './file.js';
export { limitedReporter, type LimitedReporter, type Sink } from './limited.js';
export {
  createLogger,
  createStdoutLogger,
  describeError,
  type Logger,
  type LoggerOptions,
} from './logger.js';
export { scrub } from './redact.js';

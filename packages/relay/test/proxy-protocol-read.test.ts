import fc from 'fast-check';
import t from 'tap';
import { headerV1, headerV2, readHeader, type Endpoints } from '../src/index.js';

/** The first group keeps it from being an IPv4 address in IPv6, which is read as IPv4. */
const ipV6 = fc
  .tuple(
    fc.integer({ min: 0x2000, max: 0xffff }),
    fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 7, maxLength: 7 }),
  )
  .map(([first, rest]) => [first, ...rest].map((group) => group.toString(16)).join(':'))
  .map((address) => new URL(`http://[${address}]/`).hostname.slice(1, -1));

/** Ends as the writer gets them: of one family, each address written the one way. */
const ends = fc
  .constantFrom(fc.ipV4(), ipV6)
  .chain((address) => fc.tuple(address, address, fc.nat(65_535), fc.nat(65_535)))
  .map(([source, destination, sourcePort, destinationPort]): Endpoints => {
    return { source, sourcePort, destination, destinationPort };
  });
const header = ends.chain((each) =>
  fc
    .constantFrom(headerV1(each), headerV2(each, 'tcp'), headerV2(each, 'udp'))
    .map((written) => ({ ends: each, written })),
);

t.test('reading - what the writer wrote comes back, and what follows is left', async () => {
  fc.assert(
    fc.property(header, fc.uint8Array({ maxLength: 64 }), ({ ends, written }, rest) => {
      t.strictSame(readHeader(Buffer.concat([written, rest])), { kind: 'whole', size: written.length, ends });
    }),
  );
});

t.test('reading - every beginning of a header asks for more', async () => {
  fc.assert(
    fc.property(header, ({ written }) => {
      for (let size = 0; size < written.length; size++)
        if (readHeader(written.subarray(0, size)).kind !== 'more') return false;
      return true;
    }),
    { numRuns: 30 },
  );
});

t.test('reading - whatever comes, it never throws, and never asks for more than 4 KiB', async () => {
  const prefixes = ['', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 '].map((text) => Buffer.from(text));
  const starts = [...prefixes, headerV2(FOUR, 'tcp').subarray(0, 12), headerV2(FOUR, 'tcp').subarray(0, 13)];
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 128 }), (start, rest) => {
      const head = Buffer.concat([start, rest]);
      readHeader(head);
      return readHeader(Buffer.concat([head, Buffer.alloc(4_096)])).kind !== 'more';
    }),
  );
});

const FOUR = { source: '192.0.2.7', sourcePort: 56_324, destination: '198.51.100.9', destinationPort: 443 };

/** Version 2 with these words after the signature, in hex. */
function v2(hex: string): Buffer {
  return Buffer.from(`0d0a0d0a000d0a515549540a${hex}`, 'hex');
}

t.test('reading - a header without addresses leaves the connection to speak for itself', async (t) => {
  const without = {
    UNKNOWN: Buffer.from('PROXY UNKNOWN\r\n'),
    'UNKNOWN with more': Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'),
    LOCAL: v2('20000000'),
    'LOCAL with addresses': v2('2011000cc0000207c6336409dc0401bb'),
    'a family without addresses': v2('21000000'),
    'paths of UNIX sockets': v2(`213100d8${'00'.repeat(216)}`),
  };
  for (const [what, bytes] of Object.entries(without))
    t.strictSame(readHeader(bytes), { kind: 'whole', size: bytes.length }, what);
});

t.test('reading - what follows the addresses is passed over', async (t) => {
  const bytes = v2('21110010c0000207c6336409dc0401bb04000100');
  t.strictSame(readHeader(bytes), { kind: 'whole', size: bytes.length, ends: FOUR });
});

t.test('reading - an address is written the one way, and an IPv4 one as such', async (t) => {
  const source = (text: string): unknown => {
    const read = readHeader(Buffer.from(`PROXY TCP6 ${text} ::1 1 2\r\n`));
    return read.kind === 'whole' ? read.ends?.source : read;
  };
  t.equal(source('2001:DB8:0:0:0:0:0:7'), '2001:db8::7');
  t.equal(source('::ffff:192.0.2.7'), '192.0.2.7');
  const mapped = v2(`21210024${'ffffc0000207'.padStart(32, '0')}${'1'.padStart(32, '0')}00010002`);
  t.match(readHeader(mapped), { ends: { source: '192.0.2.7', destination: '::1' } });
});

t.test('reading - what is no header is refused', async (t) => {
  const wrong = {
    'a TLS handshake': Buffer.from('160301', 'hex'),
    'a request': Buffer.from('GET / HTTP/1.1\r\n'),
    'lower case': Buffer.from('proxy TCP4'),
    'a line without an end': Buffer.from(`PROXY TCP4 ${'1'.repeat(100)}`),
    'a family that there is not': Buffer.from('PROXY UDP4 192.0.2.7 198.51.100.9 1 2\r\n'),
    'an address of the other family': Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n'),
    'a zone': Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n'),
    'a port too large': Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.9 65536 2\r\n'),
    'a port with a zero before it': Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.9 01 2\r\n'),
    'a port too few': Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.9 1\r\n'),
    'a word too many': Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.9 1 2 3\r\n'),
    'two blanks': Buffer.from('PROXY TCP4  192.0.2.7 198.51.100.9 1 2\r\n'),
    'another version': v2('3111000cc0000207c6336409dc0401bb'),
    'another command': v2('2211000cc0000207c6336409dc0401bb'),
    'another family': v2('2141000cc0000207c6336409dc0401bb'),
    'another transport': v2('2113000cc0000207c6336409dc0401bb'),
    'addresses cut short': v2('2111000bc0000207c6336409dc0401'),
    'one that is too long': v2('2111ffff'),
  };
  for (const [what, bytes] of Object.entries(wrong)) t.equal(readHeader(bytes).kind, 'bad', what);
});

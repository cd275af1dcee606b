import t from 'tap';
import { h2loadTimes, iperfTcp, iperfUdp, sockperf, wrk } from '../src/lab/parse.js';

t.test('iperf3 - what was received counts, not what was sent', async (t) => {
  const text = JSON.stringify({
    end: {
      sum_sent: { bytes: 2_000, seconds: 1 },
      sum_received: { bytes: 1_000, seconds: 1.5 },
    },
  });
  t.strictSame(iperfTcp(text), { bytes: 1_000, seconds: 1.5 });
  t.throws(() => iperfTcp('{"start":{},"error":"the server is busy"}'), /the server is busy/);
  t.throws(() => iperfTcp('{}'), /no result/);
});

t.test('iperf3 - datagrams that the receiver never heard of are lost, too', async (t) => {
  const end = {
    sum: { bytes: 0, seconds: 2, packets: 1_000, lost_packets: 100 },
    sum_sent: { bytes: 0, seconds: 2, packets: 1_000, lost_packets: 0 },
    sum_received: { bytes: 0, seconds: 2, packets: 600, lost_packets: 100 },
  };
  t.strictSame(iperfUdp(JSON.stringify({ end })), { rate: 250, loss: 50 });
  const old = { sum: end.sum };
  t.strictSame(iperfUdp(JSON.stringify({ end: old })), { rate: 450, loss: 10 }, 'versions with one sum');
  const none = { sum_received: { bytes: 0, seconds: 0, packets: 0 } };
  t.strictSame(iperfUdp(JSON.stringify({ end: none })), { rate: 0, loss: 100 });
});

const WRK = `Running 1s test @ http://10.77.2.2:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   219.61us  258.90us   5.96ms   98.24%
    Req/Sec   167.04k     7.00k  174.12k    72.73%
  Latency Distribution
     50%  184.00us
     75%  196.00us
     90%  240.00us
     99%    1.25ms
  183057 requests in 1.10s, 25.66MB read
`;

t.test('wrk - rate and latencies, whatever their unit; failures are added up', async (t) => {
  t.strictSame(wrk(`${WRK}Requests/sec: 166213.88\nTransfer/sec: 23.30MB\n`), {
    rate: 166213.88,
    p50: 0.184,
    p99: 1.25,
    requests: 183057,
    failed: 0,
  });
  const errors = '  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 5\n';
  t.equal(wrk(`${WRK}${errors}Requests/sec: 10\n`).failed, 15);
  t.equal(wrk(`${WRK.replace('1.25ms', '1.50s')}Requests/sec: 10\n`).p99, 1_500);
  t.throws(() => wrk('unable to connect to 10.77.2.2:8080 Connection refused'), /wrk: requests per second/);
});

const SOCKPERF = `sockperf: [Total Run] RunTime=1.000 sec; Warm up time=400 msec; SentMessages=5003; ReceivedMessages=5003
sockperf: [Valid Duration] RunTime=0.500 sec; SentMessages=2500; ReceivedMessages=2000
sockperf: \u001b[2;35m====> avg-rtt=74.271 (std-dev=341.525)\u001b[0m
sockperf: ---> <MAX> observation = 6172.531
sockperf: ---> percentile 99.990 = 6172.531
sockperf: ---> percentile 99.000 = 2500.000
sockperf: ---> percentile 50.000 =   31.250
`;

t.test('sockperf - round trips in ms, of the time it calls valid', async (t) => {
  t.strictSame(sockperf(SOCKPERF), { p50: 0.03125, p99: 2.5, rate: 4_000, loss: 20 });
  t.throws(() => sockperf('sockperf: No messages were received from the server.'), /no result/);
});

t.test('h2load - the time of each request in ms, and none where one failed', async (t) => {
  t.strictSame(h2loadTimes('1700000000000001\t200\t1500\n1700000000000002\t200\t250\n'), [1.5, 0.25]);
  t.throws(() => h2loadTimes('1700000000000001\t502\t1500\n'), /502/);
  t.throws(() => h2loadTimes(''), /no request/);
});

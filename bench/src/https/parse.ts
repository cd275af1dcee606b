/** What h2load prints: requests per second, and how many went wrong. */
export function h2load(text: string): { readonly rate: number; readonly failed: number } {
  const rate = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(text)?.[1];
  const counts = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(text);
  const codes = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text);
  if (rate === undefined || !counts || !codes) throw new Error(`h2load: no result in\n${text}`);
  const wrong = [...counts.slice(1), ...codes.slice(2)].map(Number);
  return { rate: Number(rate), failed: wrong.reduce((sum, each) => sum + each, 0) };
}

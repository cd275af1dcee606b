declare module 'pino-roll' {
  import type { SonicBoom, SonicBoomOpts } from 'sonic-boom';

  interface RollOptions extends SonicBoomOpts {
    readonly file: string;
    readonly size?: string | number;
    readonly frequency?: string | number;
    readonly extension?: string;
    readonly symlink?: boolean;
    readonly limit?: { readonly count: number; readonly removeOtherLogFiles?: boolean };
  }

  export default function pinoRoll(options: RollOptions): Promise<SonicBoom>;
}

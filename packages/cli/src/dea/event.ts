/** What happens to the instances, for who watches. */
export interface ApplicationEvent {
  readonly event:
    'starting' | 'waiting' | 'registered' | 'exited' | 'restarting' | 'stopping' | 'stopped' | 'output';
  readonly index: number;
  readonly message: string;
  readonly stream?: 'stdout' | 'stderr';
  readonly pid?: number;
  /** The service it is about. */
  readonly service?: string;
  /** Where the instance is reached. */
  readonly address?: string;
}

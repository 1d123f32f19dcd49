import { AsyncLocalStorage } from 'node:async_hooks';

export interface RequestContext {
  readonly requestId: string;
}

/** The request being served, for every log line written on its behalf. Run each request inside `requestContext.run`. */
export const requestContext = new AsyncLocalStorage<RequestContext>();

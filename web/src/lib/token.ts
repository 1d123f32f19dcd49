import { useSyncExternalStore } from 'react';

const key = 'flotilla.token';
const listeners = new Set<() => void>();
let ending: 'expired' | 'left' | null = null;

/** The sign-in lives as long as the browser's tab. */
export const readToken = (): string | null => sessionStorage.getItem(key);

export function keepToken(token: string): void {
  ending = null;
  sessionStorage.setItem(key, token);
  tell();
}

/** @param reason why it is gone: the next sign-in form says so */
export function forgetToken(reason: 'expired' | 'left'): void {
  ending = reason;
  sessionStorage.removeItem(key);
  tell();
}

/** Why the last sign-in ended. */
export const lastEnding = (): 'expired' | 'left' | null => ending;

export const useToken = (): string | null => useSyncExternalStore(subscribe, readToken);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}

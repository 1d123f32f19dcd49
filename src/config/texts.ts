/** Empty where it is no URL. */
export function protocolOf(text: string): string {
  try {
    return new URL(text).protocol;
  } catch {
    return '';
  }
}

/** No user, password, query or fragment. */
export function isBare(text: string): boolean {
  const { username, password, search, hash } = new URL(text);
  return username + password + search + hash === '';
}

/** An exact origin of the web. */
export function isOrigin(text: string): boolean {
  return !text.includes('*') && /^https?:$/.test(protocolOf(text)) && new URL(text).origin === text;
}

/** Only this machine reaches it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** What is listed between commas. */
export function listIn(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  return [...new Set(parts.filter(Boolean))];
}

/** The name of an image that says which one: with a tag or a digest. */
export const isImage = (text: string): boolean =>
  /^([a-z0-9][a-z0-9.-]*(:\d{1,5})?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$/.test(
    text,
  );

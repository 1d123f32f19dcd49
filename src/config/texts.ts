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

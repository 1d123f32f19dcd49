export interface Mail {
  /** One address, normalised. */
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
}

/** Sends mail to people. */
export abstract class Mailer {
  /** Where mail goes, for the person who starts the server; no secrets. */
  abstract readonly destination: string;
  /** Resolves once somebody has taken the mail over; rejects within a bounded time, or with the signal's reason. */
  abstract send(mail: Mail, signal: AbortSignal): Promise<void>;
}

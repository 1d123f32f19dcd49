import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.port.js';

/** Connections in all, those of one address, and those of one address that have not signed in yet. */
const most = { total: 500, address: 100, unknown: 20 } as const;
/** Connections of an address that ended without a sign-in, before it has to wait. */
const failures = { most: 30, windowMs: 5 * 60_000 } as const;

interface Guest {
  readonly address: string;
  known: boolean;
}

/** Who may stand at the door: bounds connections, and lets an address that keeps failing wait. Of this server alone. */
@Injectable()
export class Entrances {
  private readonly guests = new Set<Guest>();
  private readonly failed = new Map<string, { count: number; until: number }>();

  constructor(private readonly clock: Clock) {}

  /** Null: not now. */
  enter(address: string): { signedIn(): void; leave(): void } | null {
    const same = [...this.guests].filter((guest) => guest.address === address);
    if (this.guests.size >= most.total || same.length >= most.address) return null;
    if (same.filter(({ known }) => !known).length >= most.unknown || this.waits(address)) return null;
    const guest: Guest = { address, known: false };
    this.guests.add(guest);
    return {
      signedIn: () => void (guest.known = true),
      leave: () => {
        if (this.guests.delete(guest) && !guest.known) this.fail(address);
      },
    };
  }

  private waits(address: string): boolean {
    const record = this.failed.get(address);
    return record !== undefined && record.until > this.now() && record.count >= failures.most;
  }

  private fail(address: string): void {
    for (const [one, { until }] of this.failed) if (until <= this.now()) this.failed.delete(one);
    const record = this.failed.get(address) ?? { count: 0, until: this.now() + failures.windowMs };
    record.count += 1;
    this.failed.set(address, record);
  }

  private now(): number {
    return this.clock.now().getTime();
  }
}

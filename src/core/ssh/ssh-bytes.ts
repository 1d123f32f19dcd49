/** A text or bytes as SSH writes them: length first. */
export function sshString(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Reads what SSH writes. Throws when there is less than it says. */
export class SshBytes {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  string(): Buffer {
    const length = this.bytes.readUInt32BE(this.at);
    const part = this.bytes.subarray(this.at + 4, this.at + 4 + length);
    if (part.length !== length) throw new RangeError('cut short');
    this.at += 4 + length;
    return part;
  }

  text(): string {
    return this.string().toString('latin1');
  }

  /** A string of exactly this length. */
  take(length: number): Buffer {
    const part = this.string();
    if (part.length !== length) throw new RangeError('wrong length');
    return part;
  }

  /** A positive number without leading zeros. */
  number(): Buffer {
    const part = this.string();
    return part[0] === 0 ? part.subarray(1) : part;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.at !== this.bytes.length) throw new RangeError('something follows');
  }
}

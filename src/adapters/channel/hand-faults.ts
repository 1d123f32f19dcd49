import { ChannelError, type ChannelFault } from '../../core/instances/channel.port.js';

/** Linux error numbers as the hand reports them, and what they mean to callers. */
const faults: Readonly<Record<number, readonly [ChannelFault, string]>> = {
  1: ['denied', 'not permitted'],
  2: ['not_found', 'no such file or directory'],
  13: ['denied', 'permission denied'],
  18: ['outside', 'the path leaves its place'],
  20: ['not_a_directory', 'not a directory'],
  21: ['is_a_directory', 'is a directory'],
  27: ['too_large', 'too large'],
  28: ['disk_full', 'no space left'],
  30: [
    'read_only',
    'the agent is in read-only mode: turn it off and start the agent to change files outside its open folders',
  ],
  36: ['too_large', 'the name is too long'],
  39: ['failed', 'the directory is not empty'],
  40: ['link_refused', 'a symbolic link stands in the path'],
  122: ['disk_full', 'the disk quota is used up'],
  9001: ['not_a_file', 'neither a file nor a directory'],
};

/** A failed answer of the hand (u32 error number, text) as an error for callers. */
export function handFault(payload: Buffer): ChannelError {
  if (payload.length < 4) return new ChannelError('failed', 'failed');
  const errno = payload.readUInt32BE(0);
  const [fault, message] = faults[errno] ?? ['failed', `failed (${payload.toString('utf8', 4, 100)}, error ${errno})`];
  return new ChannelError(fault, message);
}

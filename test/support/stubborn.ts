import { randomInt } from 'node:crypto';

// Seldom the same in two runs on one machine: processes of containers are seen from outside, too.
let nap = randomInt(1_000_000, 9_000_000);

/** Whatever a person may leave behind: in the background, in a session of its own, deaf to HUP, without its environment. */
export function stubborn() {
  const marks = Array.from({ length: 5 }, () => `sleep ${++nap}`);
  const [plain = '', own = '', deaf = '', bare = '', front = ''] = marks;
  const command =
    `${plain} & setsid ${own} & (trap '' HUP; ${deaf}) & env -i ${bare} & ` + `echo here; ${front}; echo never`;
  return { marks, command };
}

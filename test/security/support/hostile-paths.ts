export const up = (count: number): string => '../'.repeat(count);

/** Paths that lead out, in every spelling; percent signs are sent as they stand. */
export const hostile: readonly string[] = [
  '..',
  '../',
  '../..',
  `${up(8)}etc/passwd`,
  `/home/developer/${up(8)}etc/passwd`,
  `/workspace/${up(8)}etc/passwd`,
  `./././${up(8)}etc/passwd`,
  `a/../${up(8)}etc/passwd`,
  `hello.txt/${up(8)}etc/passwd`,
  '/etc/passwd',
  '//etc/passwd',
  '///etc///passwd',
  '/./etc/passwd',
  '/home/developer',
  '/home/developerx/../developer/../../etc/passwd',
  '/home/developer/../root/.ssh/id_rsa',
  '/proc/self/root/etc/passwd',
  '/proc/self/environ',
  '/proc/1/environ',
  '/dev/stdin',
  '/dev/zero',
  'file:///etc/passwd',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  '%252e%252e%252fetc%252fpasswd',
  '..%2f..%2f..%2fetc%2fpasswd',
  '..%252f..%252fetc%252fpasswd',
  '%c0%ae%c0%ae%c0%afetc%c0%afpasswd',
  '..%5c..%5cetc%5cpasswd',
  '..\\..\\etc\\passwd',
  '%00',
  'hello.txt%00',
  'hello.txt%00.png',
  '..%00/etc/passwd',
  '%ef%bc%8e%ef%bc%8e/etc/passwd', // full-width dots
  '%e2%80%a5/etc/passwd', // two dot leader
  '%e2%80%ae../etc/passwd',
  '~root/.bashrc',
  '$HOME/../../etc/passwd',
  '`cat /etc/passwd`',
  '-rf',
  '%0a/etc/passwd',
  `${'a/'.repeat(3000)}x`,
  'a'.repeat(5000),
];

/** A path as it is sent: its percent signs stand for themselves. */
export const raw = (path: string): string => path.replace(/[^\w%./~$-]/g, (one) => encodeURIComponent(one));

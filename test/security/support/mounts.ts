/** Every dialect, and where it is reached whatever the path. A new one is a line here. */
export const mounts = {
  trinity: '/~trinity',
  hostedagents: '/~hostedagents',
  console: '/~console',
  talk: '/~talk',
} as const;

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HostPage {
  /** Address of a page that shows `src` in a frame; its origin is not ours. */
  showing(src: string): string;
  close(): Promise<void>;
}

/** A server of somebody else, whose page shows ours in a frame. */
export async function hostPage(): Promise<HostPage> {
  const server: Server = createServer((request, response) => {
    const src = new URL(request.url ?? '/', 'http://x').searchParams.get('src') ?? '';
    const style = 'html,body,iframe{margin:0;width:100%;height:100vh;border:0;display:block}';
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(
      `<!doctype html><title>Somebody else</title><style>${style}</style><iframe title="Agent" src="${src.replaceAll('"', '')}"></iframe>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    // Another name for this machine: another origin, and another site.
    showing: (src) => `http://localhost:${port}/?src=${encodeURIComponent(src)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

import { join } from 'node:path';
import { defineConfig } from 'vite';

/**
 * The fleet page, and the pages of agents and conversations: `npm run build` puts them into `dist/web`, from where the server
 * shows the one at `/`, the others at the addresses it gives out.
 */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // The page's policy allows files of its own only: nothing inside other files, no script in the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
    target: 'es2023',
    // Packages say where a server may not go; this page is drawn in the browser only.
    rolldownOptions: {
      input: ['index.html', 'talk.html'].map((name) => join(import.meta.dirname, name)),
      checks: { moduleLevelDirective: false },
    },
  },
  server: {
    // `npx vite web` beside a server on port 8000.
    proxy: Object.fromEntries(
      ['/api', '/token', '/~console', '/docs', '/health', '/ws', '/s', '/a'].map((path) => [
        path,
        { target: 'http://127.0.0.1:8000', ws: path === '/ws' || path === '/api' },
      ]),
    ),
  },
});

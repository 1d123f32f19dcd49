import { defineConfig } from 'vite';

/** The fleet page: `npm run build` puts it into `dist/web`, from where the server shows it at `/`. */
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
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  server: {
    // `npx vite web` beside a server on port 8000.
    proxy: Object.fromEntries(
      ['/api', '/token', '/~console', '/docs', '/health', '/ws'].map((path) => [
        path,
        { target: 'http://127.0.0.1:8000', ws: path === '/ws' || path === '/api' },
      ]),
    ),
  },
});

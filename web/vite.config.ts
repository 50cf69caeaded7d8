import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { mockServer } from './dev/mock.ts';

/**
 * Puts a .gz beside every text file of the build that shrinks by it.
 * The Go package serves them as they are, so no request costs a compression.
 */
function precompress(): Plugin {
  const walk = (dir: string): string[] =>
    readdirSync(dir).flatMap((name) => {
      const path = join(dir, name);
      return statSync(path).isDirectory() ? walk(path) : [path];
    });
  return {
    name: 'precompress',
    apply: 'build',
    writeBundle({ dir }) {
      for (const path of walk(dir ?? 'dist').filter((p) => /\.(js|css|svg|html)$/.test(p))) {
        const plain = readFileSync(path);
        const packed = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });
        if (packed.length < plain.length * 0.9) writeFileSync(`${path}.gz`, packed);
      }
    },
  };
}

/** A running Bandstand that `npm run dev` forwards the API and media to. */
const server = process.env['BANDSTAND_URL'] ?? 'http://127.0.0.1:8080';
const mocked = process.env['BANDSTAND_MOCK'] !== undefined;
const proxy = mocked ? undefined : { '/api': server, '/live': server, '/hls-live': server };

export default defineConfig({
  plugins: [svelte(), precompress(), ...(mocked ? [mockServer()] : [])],
  build: {
    target: ['chrome100', 'firefox104', 'safari15.4'],
    // A data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 600,
  },
  server: { ...(proxy && { proxy }) },
  preview: { ...(proxy && { proxy }) },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);

import react from '@vitejs/plugin-react'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig, type Plugin } from 'vite'

/**
 * The latin face of the text font is asked for together with the script, not after it: text set in a fallback
 * font and then swapped would move everything on the page.
 */
const preloadTextFont: Plugin = {
  name: 'preload-text-font',
  transformIndexHtml: {
    order: 'post',
    handler(_, { bundle }) {
      const face = Object.keys(bundle ?? {}).find((file) => /inter-latin-wght-normal.*\.woff2$/.test(file))
      if (face === undefined) return []
      return [
        { tag: 'link', injectTo: 'head', attrs: { rel: 'preload', as: 'font', type: 'font/woff2', crossorigin: true, href: `/${face}` } },
      ]
    },
  },
}

/** Below this a compressed copy saves less than its own headers. */
const compressFromBytes = 1_400

/** The server sends a file's compressed copy when there is one, so nothing is compressed while somebody waits. */
const compressedCopies: Plugin = {
  name: 'compressed-copies',
  apply: 'build',
  writeBundle({ dir }) {
    const assets = join(dir ?? '', 'assets')
    for (const name of readdirSync(assets)) {
      if (!/\.(js|css)$/.test(name)) continue
      const content = readFileSync(join(assets, name))
      if (content.length < compressFromBytes) continue
      writeFileSync(join(assets, `${name}.gz`), gzipSync(content, { level: 9 }))
      writeFileSync(join(assets, `${name}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }))
    }
  },
}

/**
 * The page checks answers with zod and makes no JSON Schemas of it, but each schema carries the way to one. These
 * modules of zod are left out, a thirtieth of the first script; what they export does nothing.
 */
const withoutJsonSchemas: Plugin = {
  name: 'without-json-schemas',
  apply: 'build',
  load(id) {
    if (!/\/zod\/v4\/core\/(json-schema-processors|to-json-schema)\.js$/.test(id)) return undefined
    const names = [...readFileSync(id, 'utf8').matchAll(/^export (?:const|function) (\w+)/gm)].map(([, name]) => name)
    return ['const none = () => none', ...names.map((name) => `export const ${name} = none`)].join('\n')
  },
}

/** Where `vite` (development) finds the API; the built page is served by the server itself. */
const serverUrl = process.env['BELAY_URL'] ?? 'http://127.0.0.1:4747'

export default defineConfig({
  plugins: [react(), withoutJsonSchemas, preloadTextFont, compressedCopies],
  build: {
    // Browsers of the last two years or so: no down-levelling, smaller files.
    target: ['chrome120', 'firefox121', 'safari17'],
    reportCompressedSize: true,
    // Inlined fonts and pictures would be data: URLs, which the content security policy need not allow.
    assetsInlineLimit: 0,
  },
  // The worker that reads captures loads the unpacker of zstd when it meets one.
  worker: { format: 'es' },
  server: { proxy: { '/api': serverUrl, '/sign-in': serverUrl } },
})

import react from '@vitejs/plugin-react'
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

/** Where `vite` (development) finds the API; the built page is served by the server itself. */
const serverUrl = process.env['BELAY_URL'] ?? 'http://127.0.0.1:7411'

export default defineConfig({
  plugins: [react(), preloadTextFont],
  build: {
    // Browsers of the last two years or so: no down-levelling, smaller files.
    target: ['chrome120', 'firefox121', 'safari17'],
    reportCompressedSize: true,
    // Inlined fonts and pictures would be data: URLs, which the content security policy need not allow.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': serverUrl, '/sign-in': serverUrl } },
})

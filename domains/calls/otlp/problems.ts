import { defineProblems, sayBytes } from '@belay/base'

export const otlpProblem = defineProblems({
  'otlp-malformed': {
    status: 400,
    say: (f: { because: string; where: string }) => `The body cannot be read: ${f.because}${f.where === '' ? '' : ` (${f.where})`}.`,
  },
  'otlp-not-found': {
    status: 404,
    say: (f: { path: string }) => `There is no ${f.path}. OpenTelemetry sends to /v1/traces, /v1/metrics and /v1/logs.`,
  },
  'otlp-post-only': { status: 405, say: (f: { path: string }) => `${f.path} takes POST alone.` },
  'otlp-slow': { status: 408, say: (f: { afterS: number }) => `The body did not come within ${f.afterS} s.` },
  'otlp-too-large': {
    status: 413,
    say: (f: { maxBytes: number; encoding: string }) =>
      `The body is larger than ${sayBytes(f.maxBytes)} after decompression, which is the most that is taken as ${f.encoding}. Send smaller batches.`,
  },
  'otlp-media-type': {
    status: 415,
    say: (f: { got: string }) => `The body is ${f.got}; application/x-protobuf and application/json are read.`,
  },
  'otlp-content-encoding': {
    status: 415,
    say: (f: { got: string }) => `The body is compressed with ${f.got}; gzip is read, and what is not compressed.`,
  },
  'otlp-busy': {
    status: 429,
    say: (f: { because: string; afterS: number }) => `${f.because}. Send it again in ${f.afterS} s.`,
  },
  'otlp-disk': {
    status: 503,
    say: (f: { because: string; afterS: number }) =>
      `What OpenTelemetry sends cannot be written to the disk (${f.because}), so it was not taken. Make room; it may be sent again in ${f.afterS} s.`,
  },
})

/** Whatever a stranger sends, and however the network cuts it: the same result or the same ProtocolError, and no more kept than the limit. FUZZ_RUNS=N for longer. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/errors.ts'
import { type Decoder, DECODERS, NO_DECODERS } from './decoders.ts'

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300)
const timeout = Math.max(20_000, numRuns * 20)
const SOURCE = path.join(import.meta.dirname, '..', '..', '..', 'src')

/** A message that it takes, changed in a few places, or noise. */
function bytesFor({ seeds }: Decoder): fc.Arbitrary<Buffer> {
  const at = fc.nat({ max: 200 })
  const edit = fc.oneof(
    fc.record({
      kind: fc.constant('set' as const),
      at,
      byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 10, 13, 32, 58, 127, 255))
    }),
    fc.record({ kind: fc.constant('insert' as const), at, bytes: fc.uint8Array({ maxLength: 12 }) }),
    fc.record({ kind: fc.constant('cut' as const), at, length: fc.nat({ max: 20 }) }),
    fc.record({ kind: fc.constant('repeat' as const), at, length: fc.nat({ max: 60 }), times: fc.nat({ max: 40 }) })
  )
  const changed = fc
    .record({ parts: fc.array(fc.constantFrom(...seeds), { minLength: 1, maxLength: 3 }), edits: fc.array(edit, { maxLength: 5 }) })
    .map(({ parts, edits }) => edits.reduce((bytes: Buffer, change) => applied(bytes, change), Buffer.concat(parts)))
  return fc.oneof(
    { weight: 6, arbitrary: changed },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map(bytes => Buffer.from(bytes)) }
  )
}

type Edit =
  | { kind: 'set'; at: number; byte: number }
  | { kind: 'insert'; at: number; bytes: Uint8Array }
  | { kind: 'cut'; at: number; length: number }
  | { kind: 'repeat'; at: number; length: number; times: number }

function applied(bytes: Buffer, edit: Edit): Buffer {
  const at = bytes.length === 0 ? 0 : edit.at % bytes.length
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (edit.kind) {
    case 'set':
      return Buffer.concat([before, Buffer.of(edit.byte), after.subarray(1)])
    case 'insert':
      return Buffer.concat([before, edit.bytes, after])
    case 'cut':
      return Buffer.concat([before, after.subarray(edit.length)])
    case 'repeat':
      return Buffer.concat([before, ...Array.from({ length: edit.times }, () => after.subarray(0, edit.length)), after])
  }
}

function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const end = at + (sizes[turn % sizes.length] ?? 1)
    chunks.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  return chunks
}

/** The result, or the code of the ProtocolError. Anything else that is thrown fails the test. */
function outcome({ make }: Decoder, chunks: readonly Buffer[]): string {
  const decoder = make()
  try {
    for (const chunk of chunks) if (decoder.push(chunk)) break
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return `error ${error.code}`
  }
  return JSON.stringify(decoder.result()) ?? 'nothing'
}

describe.each(Object.entries(DECODERS))('%s', (_name, decoder) => {
  it('takes its seeds', () => {
    for (const seed of decoder.seeds) expect(outcome(decoder, [seed])).not.toMatch(/^(?:error|nothing)/)
  })

  it('comes to the same however the bytes are cut, and throws nothing but a ProtocolError', { timeout }, () => {
    fc.assert(
      fc.property(bytesFor(decoder), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), (bytes, sizes) => {
        const whole = outcome(decoder, [bytes])
        expect(outcome(decoder, pieces(bytes, [1]))).toBe(whole)
        expect(outcome(decoder, pieces(bytes, sizes))).toBe(whole)
      }),
      { numRuns }
    )
  })

  const { limitBytes } = decoder
  if (limitBytes === undefined) return
  it('is done with any bytes within its limit', { timeout }, () => {
    fc.assert(
      fc.property(bytesFor(decoder), fc.constantFrom(0, 32, 65, 255), (bytes, filler) => {
        const endless = Buffer.concat([bytes, Buffer.alloc(limitBytes + 1, filler)])
        const fed = decoder.make()
        let taken = 0
        try {
          for (const chunk of pieces(endless, [97])) {
            taken += chunk.length
            if (fed.push(chunk)) return
          }
        } catch (error) {
          if (error instanceof ProtocolError) return
          throw error
        }
        expect.unreachable(`${taken} bytes taken without a result`)
      }),
      { numRuns: Math.ceil(numRuns / 10) }
    )
  })
})

/** Every file of the folders that strangers reach in which a peer can be told off. */
it('knows every decoder that a stranger reaches', () => {
  const blaming = ['server', 'relay', 'smux', 'http', 'transport', 'tunnel'].flatMap(folder =>
    readdirSync(path.join(SOURCE, folder), { recursive: true })
      .map(name => `${folder}/${String(name)}`)
      .filter(
        name =>
          name.endsWith('.ts') && /\bnew ProtocolError\(|class \w+(?:Decoder|Reader)\b/.test(readFileSync(path.join(SOURCE, name), 'utf8'))
      )
  )
  const fed = new Set(Object.values(DECODERS).flatMap(({ files }) => files))
  expect(blaming.filter(name => !fed.has(name) && !(name in NO_DECODERS))).toEqual([])
})

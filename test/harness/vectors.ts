/** The recorded and hand-checked bytes under test/fixtures (provenance: test/fixtures/captures/README.md). */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const fixtures = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'fixtures')
const vectors = JSON.parse(readFileSync(path.join(fixtures, 'vectors.json'), 'utf8')) as [string, string][]

/** The value of the vector with that number in the dossier (from 1), as text. */
export function vectorText(number: number): string {
  const vector = vectors[number - 1]
  if (vector === undefined) throw new Error(`there is no vector ${number}`)
  return vector[1]
}

export const vectorBytes = (number: number): Buffer => Buffer.from(vectorText(number), 'hex')

export interface Recorded {
  ev: 'relay' | 'mux'
  c: number
  d: 'C>S' | 'S>C'
  hex: string
  /** Relay. */
  cmdOrStatus?: number
  /** smux. */
  cmd?: string
  len?: number
  sid?: number
  consumed?: number
  window?: number
}

export const RECORDINGS = ['ga-session', 'ga-udp', 'head-session', 'head-udp'] as const

export function recorded(name: (typeof RECORDINGS)[number]): Recorded[] {
  const lines = readFileSync(path.join(fixtures, 'captures', `${name}.jsonl`), 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as Recorded)
}

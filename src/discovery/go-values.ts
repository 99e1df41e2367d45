/** How Go reads a value out of text: strconv.ParseBool, strconv.Atoi, time.ParseDuration, google/uuid. Failures give Go's zero value, as gost ignores them. */

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])

export const parseBool = (text: string): boolean => TRUE.has(text)

export function parseInteger(text: string): number {
  return /^[+-]?\d+$/.test(text) ? Number(text) : 0
}

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `1h2m3.5s`; 0 when Go refuses the text (a bare number is refused, except 0). */
export function parseDurationMs(text: string): number {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text)
  if (match === null) return 0
  let total = 0
  for (const [, amount = '', unit = ''] of (match[2] ?? '').matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (UNIT_MS[unit] ?? 0)
  }
  return match[1] === '-' ? -total : total
}

const HEX_32 = /^[0-9a-f]{32}$/
const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The forms google/uuid reads (dashed, urn:uuid:, in braces, 32 hex digits), as lower case with dashes; undefined for others and for the zero id. */
export function parseUuid(text: string): string | undefined {
  let id = text.toLowerCase()
  if (id.startsWith('urn:uuid:') && id.length === 45) id = id.slice(9)
  else if (id.length === 38) id = id.slice(1, -1)
  else if (HEX_32.test(id)) id = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join('-')
  return DASHED.test(id) && /[1-9a-f]/.test(id) ? id : undefined
}

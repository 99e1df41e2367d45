/** Kubernetes quantities (`250m`, `1.5Gi`, `1e3`) as the kubelet turns them into numbers: `Value()` and `MilliValue()` round up. Pure. */

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }

/** A fraction: exact, as `resource.Quantity` is. */
export interface Quantity {
  over: bigint
  under: bigint
}

export const ONE: Quantity = { over: 1n, under: 1n }
export const ZERO: Quantity = { over: 0n, under: 1n }

/** Undefined when it is none. */
export function parseQuantity(text: string): Quantity | undefined {
  const [, sign = '', whole = '', fraction = '', suffix = ''] =
    /^([+-]?)(\d*)(?:\.(\d*))?((?:[eE][+-]?\d{1,3})|[numkMGTPE]|[KMGTPE]i|)$/.exec(text) ?? []
  if (whole === '' && fraction === '') return undefined
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n)
  const binary = BINARY[suffix]
  if (binary !== undefined) return { over: digits << binary, under: 10n ** BigInt(fraction.length) }
  const exponent = (DECIMAL[suffix] ?? Number(suffix.slice(1))) - fraction.length
  return exponent >= 0 ? { over: digits * 10n ** BigInt(exponent), under: 1n } : { over: digits, under: 10n ** BigInt(-exponent) }
}

export const isZero = ({ over }: Quantity): boolean => over === 0n

/** In units, rounded up. */
export const value = ({ over, under }: Quantity): number => Number(ceil(over, under))
/** In thousandths, rounded up. */
export const milliValue = ({ over, under }: Quantity): number => Number(ceil(over * 1000n, under))

const ceil = (over: bigint, under: bigint): bigint => over / under + (over > 0n && over % under !== 0n ? 1n : 0n)

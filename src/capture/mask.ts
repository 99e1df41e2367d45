/** Hides header values that are secrets, before they reach an event. The bytes on their way are never touched. */
import type { Header } from '../event/types.ts'

export const MASKED_VALUE = '••••••'
const ALWAYS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie']

export interface MaskedHeaders {
  headers: Header[]
  /** Names whose values were hidden, as sent, each once. */
  masked: string[]
}

export type Mask = (headers: readonly Header[]) => MaskedHeaders

/** A mask for the headers that always hold secrets and for `names` (compared without case). */
export function maskHeaders(names: Iterable<string> = []): Mask {
  const secret = new Set([...ALWAYS, ...[...names].map(name => name.toLowerCase())])
  return headers => {
    const masked = new Set<string>()
    const shown = headers.map(([name, value]): Header => {
      if (!secret.has(name.toLowerCase())) return [name, value]
      masked.add(name)
      return [name, MASKED_VALUE]
    })
    return { headers: shown, masked: [...masked] }
  }
}

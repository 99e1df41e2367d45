/** Hides header values that are secrets, before they reach an event. The bytes on their way are never touched. */
import type { Header } from '../event/types.ts'
import { oneOf } from '../http/header.ts'
import { SECRET_HEADERS } from '../http/secret-header.ts'

export const MASKED_VALUE = '••••••'

export interface MaskedHeaders {
  headers: readonly Header[]
  /** Names whose values were hidden, as sent, each once. */
  masked: string[]
}

export type Mask = (headers: readonly Header[]) => MaskedHeaders

/** A mask for the headers that always hold secrets and for `names` (compared without case). */
export function maskHeaders(names: Iterable<string> = []): Mask {
  const isSecret = oneOf([...SECRET_HEADERS, ...[...names].map(name => name.toLowerCase())])
  return headers => {
    if (!headers.some(([name]) => isSecret(name))) return { headers, masked: [] }
    const masked = new Set<string>()
    const shown = headers.map(([name, value]): Header => {
      if (!isSecret(name)) return [name, value]
      masked.add(name)
      return [name, MASKED_VALUE]
    })
    return { headers: shown, masked: [...masked] }
  }
}

/** Hides nothing: `--show-secrets`. */
export const showAll: Mask = headers => ({ headers, masked: [] })

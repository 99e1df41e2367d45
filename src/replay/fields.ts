/** What a recording's JSON may hold at a place, whatever it really does. */
import type { Who } from '../event/types.ts'

export type Fields = Readonly<Record<string, unknown>>

export const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {})

/** Recordings of others do not say. */
export const whoOf = (value: unknown): Who => (value === 'returned' || value === 'other' || value === 'replay' ? value : 'laptop')

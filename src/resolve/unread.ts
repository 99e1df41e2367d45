/** Reading what may be absent or forbidden: either is an answer, not an error. */
import { asError, InterceptError } from '../base/errors.ts'

/** Why an object gave nothing. `absent`: it does not exist, which `optional` forgives. */
export interface Unread {
  problem: string
  absent: boolean
  hint?: string
}

/** `read` gives undefined for what does not exist. Whatever else fails is thrown. */
export async function readOrWhy<T>(read: () => Promise<T | undefined>): Promise<T | Unread> {
  try {
    return (await read()) ?? { problem: 'does not exist', absent: true }
  } catch (thrown) {
    if (!(thrown instanceof InterceptError) || thrown.code !== 'CLUSTER_FORBIDDEN') throw asError(thrown)
    return { problem: 'may not be read (forbidden)', absent: false, ...(thrown.hint === undefined ? {} : { hint: thrown.hint }) }
  }
}

export const isUnread = (read: object): read is Unread => 'problem' in read

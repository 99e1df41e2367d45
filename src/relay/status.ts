/** Relay statuses in words, for errors that people read. */
import { STATUS } from './message.ts'

const WORDS: Readonly<Record<number, string>> = {
  [STATUS.OK]: 'ok',
  [STATUS.BAD_REQUEST]: 'bad request',
  [STATUS.UNAUTHORIZED]: 'unauthorized',
  [STATUS.FORBIDDEN]: 'forbidden',
  [STATUS.TIMEOUT]: 'timeout',
  [STATUS.SERVICE_UNAVAILABLE]: 'service unavailable',
  [STATUS.HOST_UNREACHABLE]: 'host unreachable',
  [STATUS.NETWORK_UNREACHABLE]: 'network unreachable',
  [STATUS.INTERNAL_ERROR]: 'internal server error'
}

export const statusText = (status: number): string => WORDS[status] ?? `unknown status 0x${status.toString(16).padStart(2, '0')}`

import { InterceptError } from '../base/errors.ts'

/** What is said of a file that is none. */
export const notOne = (name: string, why: string): InterceptError =>
  new InterceptError('BAD_USAGE', `${name} is no recording: ${why}`, {
    hint: 'make one: kubectl intercept svc/nginx --port 8080 --record traffic.har'
  })

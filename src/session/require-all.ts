/** `--require-all`: every replica of the tunnel server, or none. */
import { InterceptError } from '../base/errors.ts'
import type { InterceptOptions } from './options.ts'

/** `missing`: why not all of them can be reached. */
export function requireAll({ settings, plan }: Pick<InterceptOptions, 'settings' | 'plan'>, missing: string | undefined): void {
  if (!settings.requireAll || missing === undefined) return
  throw new InterceptError('ROUTE_UNAVAILABLE', `not every replica of the tunnel server can be reached: ${missing}`, {
    hint: `may you forward to each? kubectl auth can-i create pods --subresource=portforward -n ${plan.server.namespace}`
  })
}

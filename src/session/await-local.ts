/** Before anything is registered: the local app is there, or waited for. */
import { formatEndpoint } from '../base/connection.ts'
import { InterceptError } from '../base/errors.ts'
import type { LocalApp } from '../transport/local-app.ts'
import type { RunningTarget } from './running-target.ts'

/** Throws LOCAL_UNREACHABLE where it shall not wait. */
export async function awaitLocal({ options, facts, voice }: RunningTarget, app: LocalApp, signal: AbortSignal): Promise<void> {
  const { settings, local, plan } = options
  if (await app.check(signal)) return
  signal.throwIfAborted()
  if (!settings.wait) {
    throw new InterceptError('LOCAL_UNREACHABLE', `nothing listens on ${formatEndpoint(local)}`, {
      hint: `start the app, or name its port: kubectl intercept ${plan.target.text} --port PORT`
    })
  }
  // Visitors do not need it.
  if (settings.mirror !== undefined) return
  facts.givenBack = true
  voice.detail = `for ${formatEndpoint(local)}`
  voice.say('local port closed')
  await app.whenUp(signal)
  facts.givenBack = false
  voice.detail = undefined
}

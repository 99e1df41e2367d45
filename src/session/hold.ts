/** A target held: its visitors go to the cluster until it is released, and everything else stays as it is. */
import { formatEndpoint } from '../base/connection.ts'
import { leave } from './leave-quietly.ts'
import type { RunningTarget } from './running-target.ts'
import { targetGrace, withGrace } from './with-grace.ts'

/** False: it was so already. */
export async function hold(target: RunningTarget): Promise<boolean> {
  const { facts, replicas, voice } = target
  if (facts.held || replicas === undefined) return false
  facts.held = true
  voice.detail = undefined
  voice.say('held')
  await withGrace(targetGrace(target), signal => leave(target, replicas, signal))
  return true
}

/** Without the local app it waits for that. False: it was not held. */
export function release({ facts, options, replicas, voice }: RunningTarget): boolean {
  if (!facts.held) return false
  facts.held = false
  facts.everBound = false
  if (facts.localUp && !facts.givenBack) replicas?.resume()
  else {
    facts.givenBack = true
    voice.detail = `for ${formatEndpoint(options.local)}`
  }
  voice.say('released')
  return true
}

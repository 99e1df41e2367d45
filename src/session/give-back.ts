/** Gives the visitors back while the local app is away or too much would have to be returned, and takes them again. */
import type { Answering } from './answering.ts'
import { leave } from './leave-quietly.ts'
import type { LocalApp } from '../transport/local-app.ts'
import type { RunningTarget } from './running-target.ts'
import { targetGrace, withGrace } from './with-grace.ts'

/** Give back when the local app stays away for so long. */
const RETURN_FOR_MS = 30_000

export interface GivingBack {
  /** The local port opened or closed. */
  onLocal(up: boolean, cause: string): void
  /** Now and then: the things that become true by time passing. */
  look(): void
  giveBack(why: string): Promise<void>
}

export function givingBack(target: RunningTarget, local: LocalApp, answering: Answering): GivingBack {
  const { options, facts, voice } = target
  const { clock, emit, plan } = options
  let downSince: number | undefined

  const takeAgain = (): void => {
    facts.givenBack = false
    voice.detail = undefined
    if (!facts.held) target.replicas?.resume()
  }
  /** Given back while the app was there (over the return limit): try again after a while. */
  const takeSoon = (): void => {
    clock.after(
      RETURN_FOR_MS,
      () => {
        if (!facts.givenBack || facts.draining || !local.up) return
        takeAgain()
        voice.say('trying again')
      },
      { unref: true }
    )
  }
  const giveBack = async (why: string): Promise<void> => {
    if (facts.givenBack || facts.held || facts.draining || target.replicas === undefined) return
    facts.givenBack = true
    voice.detail = why
    emit('notice', {
      level: 'warn',
      code: 'GIVEN_BACK',
      message: `${plan.name} went back to the cluster: ${why}`,
      hint: local.up
        ? `it is tried again in ${RETURN_FOR_MS / 1_000} s; --return-limit N lets more through`
        : `it comes back by itself when ${local.address} accepts again`
    })
    voice.say(why)
    const { replicas } = target
    await withGrace(targetGrace(target), signal => leave(target, replicas, signal))
    if (local.up) takeSoon()
  }

  return {
    giveBack,
    onLocal(up, cause) {
      emit('local.state', { address: local.address, up, cause })
      facts.localUp = up
      downSince = up ? undefined : clock.now()
      if (up && facts.givenBack && target.replicas !== undefined) takeAgain()
      voice.say(cause)
    },
    look() {
      if (downSince !== undefined && clock.now() - downSince > RETURN_FOR_MS) void giveBack(`local app away for ${RETURN_FOR_MS / 1_000} s`)
      const { paused } = answering
      if (paused) voice.detail = `visitors get 503 at ${plan.server.readTimeoutMs / 1_000} s`
      else if (facts.paused) voice.detail = undefined
      if (paused === facts.paused) return
      facts.paused = paused
      voice.say(paused ? 'the local app accepts but does not answer' : 'the local app answers again')
    }
  }
}

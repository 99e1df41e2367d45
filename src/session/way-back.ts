/** The way from this laptop back to the pods of one target, or none: without a cluster, or with `--no-fallback`. */
import type { InterceptOptions } from './options.ts'
import { type ReturnPath, returnPath } from './return-path.ts'
import { ownTargets, type ReturnTarget } from './return-targets.ts'

export interface WayBack {
  readonly path: ReturnPath | undefined
  /** A pod can be reached now. */
  readonly open: boolean
  /** It is open, or will be. */
  readonly possible: boolean
  setTargets(targets: readonly ReturnTarget[]): void
  close(): void
}

/** Leads to the pods of the plan at first. `onLimit`: it carries more than it should. */
export function wayBack(
  { plan, cluster, settings, clock, emit }: Pick<InterceptOptions, 'plan' | 'cluster' | 'settings' | 'clock' | 'emit'>,
  onLimit: (why: string) => void
): WayBack {
  const path =
    cluster === undefined || !settings.fallback ? undefined : returnPath({ cluster, clock, emit, perSecond: settings.returnLimit, onLimit })
  path?.setTargets(ownTargets(plan.sidecars))
  const isOpen = (): boolean => path?.available === true
  return {
    path,
    get open() {
      return isOpen()
    },
    get possible() {
      return path !== undefined && (isOpen() || plan.appService !== undefined)
    },
    setTargets: targets => path?.setTargets(targets),
    close: () => path?.close()
  }
}

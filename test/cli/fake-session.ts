/** What a session in a test does as a real one: says that it has started, and ends when it is asked to. */
import type { InterceptContext } from '../../src/session/request.ts'

export function sayStarted({ events, pid, user, version, commandLine, controlPath }: InterceptContext, targets: string[]): void {
  events.emit('session.started', {
    pid,
    user,
    version,
    command: commandLine,
    targets,
    ...(controlPath === undefined ? {} : { controlPath })
  })
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** A signal for another process. False when it has ended, or is somebody else's. `0` only asks. */
export function sendSignal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

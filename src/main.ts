/** The process around `cli/main.ts`: gives it what the process has, and ends with its code. */
import { hostname, homedir, tmpdir, userInfo } from 'node:os'
import { systemClock } from './base/clock.ts'
import { exit } from './cli/exit.ts'
import type { Io } from './cli/io.ts'
import { main } from './cli/main.ts'
import { reportBug } from './cli/report-bug.ts'

const io: Io = {
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
  cwd: process.cwd(),
  home: homedir(),
  tmp: tmpdir(),
  platform: process.platform,
  pid: process.pid,
  uid: process.getuid?.(),
  user: `${userName()}@${hostname()}`,
  memory: () => process.memoryUsage.rss(),
  suspend: stopped
}

/** How long it takes at most until the process has stopped; it goes on where nobody could continue it (no shell above). */
const STOPPED_MS = 200

function stopped(): Promise<void> {
  return new Promise(resolve => {
    const timer = systemClock.after(STOPPED_MS, resolve)
    process.once('SIGCONT', () => {
      timer.cancel()
      resolve()
    })
    process.kill(process.pid, 'SIGTSTP')
  })
}

/** A container may run as a uid that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

const streams = [process.stdout, process.stderr]
const onBug = (error: unknown): void => void exit(reportBug(error, io), streams, { atOnce: false })
process.on('uncaughtException', onBug)
process.on('unhandledRejection', onBug)

const { code, atOnce } = await main(io)
await exit(code, streams, { atOnce })

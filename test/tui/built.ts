/** The built program on a screen: the demo's session, which needs no cluster. */
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { openScreen, type Screen, type ScreenOptions } from '../harness/screen.ts'

const root = path.join(import.meta.dirname, '..', '..')
const program = path.join(root, 'dist', 'kubectl-intercept.js')
let built = false

/** Shows the list with traffic, unless told otherwise. */
export async function demoScreen(options: ScreenOptions & { argv?: readonly string[]; until?: string | RegExp } = {}): Promise<Screen> {
  if (!built) execFileSync(process.execPath, [path.join(root, 'plugin', 'build.ts'), '--if-changed'], { stdio: 'pipe' })
  built = true
  const screen = openScreen(process.execPath, [program, ...(options.argv ?? ['demo', '-o', 'tui'])], options)
  await screen.shows(options.until ?? /● verified[^]*\/api\/checkout +500/)
  return screen
}

/** The same, started by a shell with job control. */
export async function shellScreen(): Promise<Screen> {
  const screen = openScreen('bash', ['--norc', '--noprofile', '-i'], { env: { ...process.env, PS1: '$ ' } })
  await screen.shows('$')
  screen.press(`'${process.execPath}' '${program}' demo -o tui`, 'Enter')
  await screen.shows(/● verified[^]*\/api\/checkout/)
  return screen
}

/** A program in a real terminal (a pty) with a real screen behind it: keys in, and what a person would see out. Nothing here sleeps. */
import { type IPty, spawn } from '@lydell/node-pty'
import xterm from '@xterm/headless'
import { eventually } from './eventually.ts'

export interface ScreenOptions {
  columns?: number
  rows?: number
  env?: Readonly<Record<string, string | undefined>>
  cwd?: string
}

export interface Screen extends AsyncDisposable {
  /** The lines as they are seen now, without blanks at their ends. */
  lines(): string[]
  text(): string
  /** The full-screen page is shown, not the normal one. */
  readonly fullScreen: boolean
  /** Everything that was written to the terminal. */
  readonly raw: string
  /** Presses keys: names as `Enter`, `Escape`, `Up`, `C-c`, or text. */
  press(...keys: string[]): void
  /** Resolves when the screen shows it. */
  shows(what: string | RegExp, timeoutMs?: number): Promise<void>
  resize(columns: number, rows: number): void
  kill(signal?: string): void
  readonly pid: number
  /** The exit code, when it has ended. */
  readonly exit: Promise<number>
}

const KEYS: Readonly<Record<string, string>> = {
  Enter: '\r',
  Escape: '\u001b',
  Up: '\u001b[A',
  Down: '\u001b[B',
  Right: '\u001b[C',
  Left: '\u001b[D',
  PageUp: '\u001b[5~',
  PageDown: '\u001b[6~',
  Home: '\u001b[H',
  End: '\u001b[F',
  Tab: '\t',
  Backspace: '\u007f',
  Space: ' ',
  'C-c': '\u0003',
  'C-l': '\u000c',
  'C-z': '\u001a'
}

export function openScreen(file: string, argv: readonly string[], options: ScreenOptions = {}): Screen {
  const { columns = 100, rows = 24, env = process.env, cwd = process.cwd() } = options
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1_000 })
  const wanted: Record<string, string> = { TERM: 'xterm-256color' }
  for (const [name, value] of Object.entries(env)) if (value !== undefined && name !== 'CI' && name !== 'TMUX') wanted[name] = value
  const pty: IPty = spawn(file, [...argv], { name: wanted['TERM'] ?? 'xterm-256color', cols: columns, rows, cwd, env: wanted })
  let raw = ''
  pty.onData(text => {
    raw += text
    terminal.write(text)
  })
  // What the program asks of the terminal is answered as a terminal does.
  terminal.onData(answer => pty.write(answer))
  const exit = new Promise<number>(resolve => {
    pty.onExit(({ exitCode, signal }) => resolve(signal !== undefined && signal > 0 ? 128 + signal : exitCode))
  })
  const screen: Screen = {
    lines() {
      const { active } = terminal.buffer
      return Array.from({ length: terminal.rows }, (_, index) => active.getLine(active.viewportY + index)?.translateToString(true) ?? '')
    },
    text: () => screen.lines().join('\n').trimEnd(),
    get fullScreen() {
      return terminal.buffer.active.type === 'alternate'
    },
    get raw() {
      return raw
    },
    press(...keys) {
      for (const key of keys) pty.write(KEYS[key] ?? key)
    },
    async shows(what, timeoutMs = 10_000) {
      const found = (): boolean => (typeof what === 'string' ? screen.text().includes(what) : what.test(screen.text()))
      await eventually(found, { timeoutMs }).catch(() => {
        throw new Error(`the screen never showed ${String(what)}; it shows:\n${screen.text()}`)
      })
    },
    resize(cols, lines) {
      terminal.resize(cols, lines)
      pty.resize(cols, lines)
    },
    kill: signal => pty.kill(signal),
    get pid() {
      return pty.pid
    },
    exit,
    async [Symbol.asyncDispose]() {
      try {
        process.kill(pty.pid, 'SIGKILL')
      } catch {
        // it has ended by itself
      }
      await exit
      terminal.dispose()
    }
  }
  return screen
}

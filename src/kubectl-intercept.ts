/** The entry: no static import, so that an old Node says what is wrong in one sentence instead of a syntax error. */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`error: kubectl-intercept needs Node.js 22.19 or newer, and \`node\` here is ${process.versions.node}.\n`)
  process.stderr.write('hint:  Install a newer Node.js (https://nodejs.org), or put it first in PATH.\n')
  process.exitCode = 3
} else {
  await import('./main.ts')
}

/** The app of ../app.ts as a program: `node app.ts [NAME] [PORT]` prints `listening PORT`; SIGUSR2 freezes it or lets it go on. */
import { startApp } from '../app.ts'

const [name = 'app', port = '0'] = process.argv.slice(2)
const app = await startApp({ name, port: Number(port) })
let frozen = false
process.on('SIGUSR2', () => {
  frozen = !frozen
  if (frozen) app.freeze()
  else app.thaw()
})
console.log(`listening ${app.port}`)

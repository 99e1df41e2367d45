// frp server|client FILE: frp's server and client as one program, on its library. Enough to measure against.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fatedier/frp/client"
	"github.com/fatedier/frp/pkg/config"
	"github.com/fatedier/frp/pkg/util/log"
	"github.com/fatedier/frp/server"
)

func serve(file string) error {
	settings, _, err := config.LoadServerConfig(file, true)
	if err != nil {
		return err
	}
	log.InitLogger(settings.Log.To, settings.Log.Level, int(settings.Log.MaxDays), true)
	service, err := server.NewService(settings)
	if err != nil {
		return err
	}
	service.Run(context.Background())
	return nil
}

func connect(file string) error {
	settings, proxies, visitors, _, err := config.LoadClientConfig(file, true)
	if err != nil {
		return err
	}
	log.InitLogger(settings.Log.To, settings.Log.Level, int(settings.Log.MaxDays), true)
	service, err := client.NewService(client.ServiceOptions{Common: settings, ProxyCfgs: proxies, VisitorCfgs: visitors, ConfigFilePath: file})
	if err != nil {
		return err
	}
	return service.Run(context.Background())
}

func main() {
	run := map[string]func(string) error{"server": serve, "client": connect}
	if len(os.Args) != 3 || run[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: frp server|client FILE")
		os.Exit(2)
	}
	if err := run[os.Args[1]](os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

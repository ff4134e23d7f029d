// Reads a file of Docker Compose as Compose does, with all checks of its schema and of what refers to what, and prints
// what it comes to. For machines without Docker's own `docker compose config`.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithProfiles([]string{"*"}))
	if err == nil {
		project, loaded := options.LoadProject(context.Background())
		if err = loaded; err == nil {
			var text []byte
			if text, err = project.MarshalYAML(); err == nil {
				_, err = os.Stdout.Write(text)
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

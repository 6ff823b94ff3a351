package daemon

import (
	"context"

	"netlmm/cmd/internal/api"
	"netlmm/configs"
)

// Config answers api.PathConfig with the effective configuration.
func Config(settings []configs.Setting) Query {
	list := make([]api.Setting, 0, len(settings))
	for _, s := range settings {
		list = append(list, api.Setting(s))
	}
	return func(context.Context, Parameters) (any, error) { return list, nil }
}

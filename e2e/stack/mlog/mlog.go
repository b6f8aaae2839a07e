// Package mlog stands in for monis.app/mlog, which no module proxy serves any more. It has the five names that the Secrets Store CSI
// driver uses, over the klog that the driver already carries.
package mlog

import (
	"context"
	"flag"

	"k8s.io/klog/v2"
)

type LogFormat string

const (
	FormatText LogFormat = "text"
	FormatJSON LogFormat = "json"
)

// Setup returns what flushes the log when main ends.
func Setup() func() { return klog.Flush }

func Error(msg string, err error, keysAndValues ...any) { klog.ErrorS(err, msg, keysAndValues...) }

func Fatal(args ...any) { klog.Fatal(args...) }

// ValidateAndSetKlogLevelAndFormatGlobally sets the level; klog writes text in every format.
func ValidateAndSetKlogLevelAndFormatGlobally(_ context.Context, level klog.Level, _ LogFormat) error {
	var flags flag.FlagSet
	klog.InitFlags(&flags)
	return flags.Set("v", level.String())
}

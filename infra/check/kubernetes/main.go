// Checks manifests with the code with which the API server of Kubernetes checks them: fields that do not exist, and what
// no schema says (a failure policy needs restartPolicy Never; selectors match their templates; names, ports, durations).
//
//	kubernetes-check FILE...
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appscheck "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	batchcheck "k8s.io/kubernetes/pkg/apis/batch/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corecheck "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkcheck "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	policycheck "k8s.io/kubernetes/pkg/apis/policy/validation"
)

func check(object runtime.Object) (field.ErrorList, error) {
	pods := corecheck.PodValidationOptions{}
	switch object := object.(type) {
	case *core.Namespace:
		return corecheck.ValidateNamespace(object), nil
	case *core.ServiceAccount:
		return corecheck.ValidateServiceAccount(object), nil
	case *core.ConfigMap:
		return corecheck.ValidateConfigMap(object), nil
	case *core.Secret:
		return corecheck.ValidateSecret(object), nil
	case *core.Service:
		return corecheck.ValidateServiceCreate(object), nil
	case *apps.Deployment:
		return appscheck.ValidateDeployment(object, pods), nil
	case *apps.StatefulSet:
		return appscheck.ValidateStatefulSet(object, appscheck.StatefulSetValidationOptions{}, pods), nil
	case *batch.CronJob:
		return batchcheck.ValidateCronJobCreate(object, pods), nil
	case *batch.Job:
		// What the server adds before it looks: a selector of the job's own.
		own := map[string]string{"batch.kubernetes.io/controller-uid": "own", "batch.kubernetes.io/job-name": object.Name}
		object.UID = "own"
		object.Spec.Selector = &meta.LabelSelector{MatchLabels: map[string]string{"batch.kubernetes.io/controller-uid": "own"}}
		for name, value := range own {
			object.Spec.Template.Labels[name] = value
			object.Spec.Template.Labels[strings.TrimPrefix(name, "batch.kubernetes.io/")] = value
		}
		return batchcheck.ValidateJobCreate(object, batchcheck.JobValidationOptions{PodValidationOptions: pods, RequirePrefixedLabels: true}), nil
	case *networking.NetworkPolicy:
		return networkcheck.ValidateNetworkPolicy(object, networkcheck.NetworkPolicyValidationOptions{}), nil
	case *policy.PodDisruptionBudget:
		return policycheck.ValidatePodDisruptionBudget(object, policycheck.PodDisruptionBudgetValidationOptions{}), nil
	}
	return nil, fmt.Errorf("nobody here checks a %T: add it to infra/check/kubernetes/main.go", object)
}

func file(name string) (found int, wrong []error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, []error{err}
	}
	// Strict: a field that does not exist is an error, and so is one that is there twice.
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(text)))
	defer documents.Close()
	buffer := make([]byte, len(text)+1)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return found, wrong
		}
		if err != nil {
			return found, append(wrong, err)
		}
		object, kind, err := decoder.Decode(buffer[:n], nil, nil)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		found++
		errs, err := check(object)
		if err != nil {
			wrong = append(wrong, err)
		}
		for _, err := range errs {
			wrong = append(wrong, fmt.Errorf("%s: %w", kind.Kind, err))
		}
	}
}

func main() {
	failed := false
	for _, name := range os.Args[1:] {
		found, wrong := file(name)
		for _, err := range wrong {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		}
		failed = failed || found == 0 || len(wrong) > 0
	}
	if failed {
		os.Exit(1)
	}
}

"""What a script finds around it: SageMaker's script mode.

Source: https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md and
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
import os
import sys
import sysconfig
from pathlib import Path

from portal.cloud.local.job_folder import JobFolder
from portal.cloud.ports import TrainingSpec

CPU, GPU = "local.cpu", "local.gpu"
HOST = "algo-1"
MARK = "SKYDECK_JOB"  # by it the script's processes are found when its runner is gone


def gpus() -> list[Path]:
    """The device files of this machine's NVIDIA GPUs: /dev/nvidia0, /dev/nvidia1, …"""
    return sorted(path for path in Path("/dev").glob("nvidia*") if path.name[6:].isdigit())


def gpu_paths() -> tuple[list[Path], list[Path]]:
    """What CUDA reads and what it writes besides: driver facts; devices and the names of its own threads."""
    read = [
        Path("/proc/driver/nvidia"),
        Path("/proc/devices"),
        Path("/sys/bus/pci"),
        Path("/sys/module"),
        Path("/etc/nvidia"),
    ]
    read += [Path("/sys/devices"), Path("/proc/self"), Path("/dev/dri")]
    write = [*Path("/dev").glob("nvidia*"), Path("/proc/self/task")]
    return [path for path in read if path.exists()], write


def command(job: JobFolder, spec: TrainingSpec) -> list[str]:
    """The script's command line: hyperparameters as `--name value`, in order of name."""
    return [sys.executable, "-u", str(job.code / spec.entry_point), *arguments(spec)]


def arguments(spec: TrainingSpec) -> list[str]:
    return [part for name, value in sorted(spec.hyperparameters.items()) for part in (f"--{name}", value)]


def environment(job: JobFolder, spec: TrainingSpec) -> dict[str, str]:
    """All of the script's environment; nothing of the portal's own is in it."""
    on_gpu = spec.instance_type == GPU
    values = {name: decoded(value) for name, value in spec.hyperparameters.items()}
    channels = {channel.name: str(job.input / "data" / channel.name) for channel in spec.channels}
    sagemaker: dict[str, object] = {
        "model_dir": str(job.model),
        "output_data_dir": str(job.output_data),
        "output_dir": str(job.output_data.parent),
        "input_dir": str(job.input),
        "input_config_dir": str(job.input / "config"),
        "channels": sorted(channels),
        "hps": values,
        "hosts": [HOST],
        "current_host": HOST,
        "num_cpus": len(os.sched_getaffinity(0)),
        "num_gpus": len(gpus()) if on_gpu else 0,
        "module_dir": str(job.code),
        "user_args": arguments(spec),
        "training_env": {
            "channel_input_dirs": channels,
            "hyperparameters": values,
            "job_name": spec.name,
            "model_dir": str(job.model),
            "output_data_dir": str(job.output_data),
            "hosts": [HOST],
            "current_host": HOST,
        },
    }
    sagemaker |= {f"channel_{name}": folder for name, folder in channels.items()}
    sagemaker |= {f"hp_{name}": value for name, value in spec.hyperparameters.items()}
    variables = {
        f"SM_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in sagemaker.items()
    }
    home = str(job.tmp)
    return variables | {
        MARK: job.ref,
        "TRAINING_JOB_NAME": spec.name,
        "CUDA_VISIBLE_DEVICES": ",".join(path.name[6:] for path in gpus()) if on_gpu else "",
        "HOME": home,
        "TMPDIR": home,
        "XDG_CACHE_HOME": home,
        "MPLCONFIGDIR": home,
        "PATH": f"{sysconfig.get_path('scripts')}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "JOBLIB_MULTIPROCESSING": "0",  # its semaphores lie in /dev/shm, which others use too: threads instead
    }


def write_config(job: JobFolder, spec: TrainingSpec) -> None:
    """The files of /opt/ml/input/config."""
    folder = job.input / "config"
    folder.mkdir(parents=True)
    channels = {channel.name: {"TrainingInputMode": "File"} for channel in spec.channels}
    resources = {"current_host": HOST, "hosts": [HOST], "current_instance_type": spec.instance_type}
    files = {"hyperparameters": spec.hyperparameters, "inputdataconfig": channels, "resourceconfig": resources}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def decoded(value: str) -> object:
    """A hyperparameter as SageMaker decodes it: JSON where it is JSON, else the text."""
    try:
        return json.loads(value)
    except ValueError:
        return value

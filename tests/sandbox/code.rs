//! Code in the interpreter.

use std::time::{Duration, Instant};

use serde_json::json;

use super::World;

#[tokio::test]
async fn code_returns_what_it_prints_and_its_last_value() {
    let Some(mut world) = World::new().await else { return };
    let result = world.python("def double(x):\n    return 2 * x\nprint('a', 1)\ndouble(21)").await;
    assert_eq!(result, Ok(json!({"stdout": "a 1\n", "value": "42"})));
    assert_eq!(world.python("x = 1").await, Ok(json!({"stdout": ""})));
    let result = world.python("print('before')\n1 / 0").await.unwrap();
    assert_eq!(result["stdout"], "before\n");
    assert!(result["exception"].as_str().unwrap().ends_with("ZeroDivisionError: division by zero"), "{result}");
    let result = world.python("this is no Python").await.unwrap();
    assert!(result["exception"].as_str().unwrap().contains("SyntaxError"), "{result}");
}

#[tokio::test]
async fn code_reads_and_writes_files_through_three_functions() {
    let Some(mut world) = World::new().await else { return };
    world.desk.put("workspace/a", "1\n2\n");
    world.desk.put("shared/b", "3");
    let code = "numbers = [int(x) for x in read_file('workspace/a').split()] + [int(read_file('shared/b'))]\n\
                write_file('workspace/sum', str(sum(numbers)))\nwrite_file('workspace/a', 'new')\n\
                [list_files(), read_file('workspace/sum'), read_file('workspace/a')]";
    let result = world.python(code).await.unwrap();
    assert_eq!(
        result,
        json!({"stdout": "", "value": "[['shared/b', 'workspace/a', 'workspace/sum'], '6', 'new']",
            "written": ["workspace/a", "workspace/sum"]})
    );
    assert_eq!(world.desk.files["workspace/sum"], "6");
    for (code, error) in [
        ("read_file('workspace/none')", "FileNotFoundError"),
        ("read_file('/etc/passwd')", "FileNotFoundError"),
        ("read_file('workspace/../../etc/passwd')", "FileNotFoundError"),
        ("write_file('shared/b', 'x')", "PermissionError"),
        ("write_file('workspace/../x', 'x')", "PermissionError"),
        ("write_file('workspace/a/b', 'x')", "PermissionError"),
        ("write_file('workspace/x', 'x' * 200000)", "ValueError"),
        ("write_file('workspace/x', 1)", "TypeError"),
        ("[write_file('workspace/' + str(i), 'x') for i in range(300)]", "OSError"),
        ("read_file(path='workspace/a')", "TypeError"),
    ] {
        let result = world.python(code).await.unwrap();
        assert!(result["exception"].as_str().unwrap().contains(error), "{code}: {result}");
    }
    // What was written before an exception is kept, as what a program wrote before it failed is.
    assert_eq!(world.desk.log.len(), 2 + 200);
}

#[tokio::test]
async fn code_that_never_ends_is_stopped_with_an_exception() {
    let Some(mut world) = World::new().await else { return };
    let began = Instant::now();
    for code in ["while True:\n    pass", "while True:\n    try:\n        while True: pass\n    except: pass"] {
        let result = world.python(code).await.unwrap();
        assert!(result["exception"].as_str().unwrap().contains("time limit exceeded"), "{result}");
    }
    let result = world.python("while True:\n    try:\n        list_files()\n    except: pass").await.unwrap();
    assert!(result["exception"].as_str().unwrap().contains("were called"), "{result}");
    let result = world.python("while True: print('x' * 1000)").await.unwrap();
    assert!(result["exception"].as_str().unwrap().contains("MemoryError"), "{result}");
    assert!(result["stdout"].as_str().unwrap().len() < 40_000);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotation", "0009_rank_of_frames"),
    ]

    operations = [
        migrations.AddField(
            model_name="review",
            name="taken_back_at",
            field=models.DateTimeField(null=True),
        ),
    ]
